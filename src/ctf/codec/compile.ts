/**
 * The one place where text becomes code. The text is made of templates of this package, checked integers and
 * generated identifiers; names and values of users and of metadata travel in `constants` and nowhere else.
 */

/** `undefined` where the program or its host forbids code from strings. */
export function compileFunction<T>(
  body: string,
  constants: Readonly<Record<string, unknown>>,
): T | undefined {
  try {
    // As parameters they are never assigned, which V8 knows, and need no check for being initialised.
    return new Function(...Object.keys(constants), `"use strict";\n${body}`)(...Object.values(constants)) as T
  } catch (error) {
    if (error instanceof EvalError) return undefined
    throw error
  }
}
