import { KymoError } from './error.ts'

/** `8-4-4-4-12` hexadecimal digits → 16 bytes. */
export function parseUuid(text: string): Uint8Array {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) {
    throw new KymoError(
      'KYMO_UUID',
      `a UUID has the form 8-4-4-4-12 hexadecimal digits: got ${JSON.stringify(text)}`,
    )
  }
  const digits = text.replaceAll('-', '')
  return Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16))
}
