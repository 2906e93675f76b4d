/**
 * The one place where text becomes code. The text is made of templates of this package, checked integers and
 * generated identifiers; names and values of users and of metadata travel in `constants` and nowhere else.
 */

/** `undefined` where the program or its host forbids code from strings. */
export function compileFunction<T>(
  body: string,
  constants: Readonly<Record<string, unknown>>,
): T | undefined {
  const destructured = `const { ${Object.keys(constants).join(', ')} } = constants`
  try {
    return new Function('constants', `"use strict"; ${destructured};\n${body}`)(constants) as T
  } catch (error) {
    if (error instanceof EvalError) return undefined
    throw error
  }
}
