/** Hearing a diagnostics channel: at all times, since only a hit of a site can notice that it is wanted. */
import { subscribe } from 'node:diagnostics_channel'

/** What a subscriber throws Node makes the program's uncaught exception: so nothing leaves here. */
export function listen<Message>(channel: string, hear: (message: Message) => void): void {
  subscribe(channel, message => {
    try {
      hear(message as Message)
    } catch {
      // an object of the program that is not what Node says it is: its event is missing, the program is not
    }
  })
}
