import { FIELD_STRIDE, VALUE_END, VALUE_START } from '../http/head.ts'
import type { Head } from '../http/head.ts'
import { FIELD } from '../http/names.ts'

const WEBSOCKET = Uint8Array.from('websocket', (letter) => letter.charCodeAt(0))

/**
 * Does Upgrade name `websocket` and nothing else? It is the only protocol we switch to, whoever names it: letting two sides speak
 * h2c, say, behind our back would be smuggling. Asked of the request, and of the 101 again.
 */
export const namesWebSocket = (head: Head): boolean => {
  const index = head.find(FIELD.upgrade)
  if (index < 0 || head.find(FIELD.upgrade, index + 1) >= 0) return false
  const start = head.fields[index * FIELD_STRIDE + VALUE_START]!
  if (head.fields[index * FIELD_STRIDE + VALUE_END]! - start !== WEBSOCKET.length) return false
  return WEBSOCKET.every((letter, i) => (head.bytes[start + i]! | 0x20) === letter)
}
