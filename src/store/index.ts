export {
  PACKET_CONTEXT,
  PACKET_HEADER,
  type PacketDescription,
  type StoredPacket,
  streamClassFor,
} from './packet.ts'
export { StreamWriter } from './stream-writer.ts'
export { TraceWriter, tracePath } from './trace-writer.ts'
