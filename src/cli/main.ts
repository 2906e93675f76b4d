#!/usr/bin/env node
/**
 * `kymo`: argv in, text out. Each command is a file of its own, loaded when it is called.
 * Exit codes: 0 done, 1 could not, 2 misused; `record -- COMMAND` ends with the command's own.
 */
import { Command, CommanderError } from 'commander'
import { errorText } from '../base/index.ts'
import { PACKAGE_VERSION } from '../control/index.ts'

const EXIT_ERROR = 1
const EXIT_USAGE = 2

const EXAMPLES = `
Examples:
  kymo record -- node server.js            record an unmodified program until it ends
  kymo record -o ./trace -e 'shop:*'       record running programs that load kymograph, until Ctrl-C
  kymo list -u --fields                    running programs and their events
  kymo crash ./trace                       finish the trace of a recorder that was killed
  babeltrace2 ./trace                      read a trace`

const RECORD_EXAMPLES = `
Examples:
  kymo record -- node server.js
  kymo record -o ./trace -e 'node_http:*,shop:*' -- npm start
  kymo record -e 'shop:*' --loglevel INFO           (no command: all running programs, until Ctrl-C)
  kymo record --subbuf-size 1M --num-subbuf 16 -t vpid,vtid -- node --watch app.js
  kymo record --summary result.json -- node test.js`

const LIST_EXAMPLES = `
Examples:
  kymo list                 sessions, also those that a killed recorder left
  kymo list -u              running programs, their events, and whether these are on
  kymo list -u --fields     … with the fields of each event`

const CRASH_EXAMPLES = `
Examples:
  kymo crash ./trace                                    the folder that was being recorded into
  kymo crash /dev/shm/kymograph-1000/sessions/attach    a session, as \`kymo list\` names it
  kymo crash ./trace -o ./rest                          what was not written yet, into another folder`

function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value]
}

function buildProgram(done: (exitCode: number) => void): Command {
  const program = new Command('kymo')
  program
    .description('Record Node.js programs into CTF traces.')
    .version(PACKAGE_VERSION, '-V, --version')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'kymo: ')) })
    .enablePositionalOptions()
    .addHelpText('after', EXAMPLES)

  program
    .command('record')
    .description('record a command and all it starts, or all running programs until Ctrl-C')
    .argument('[command...]', 'the command, after --')
    .option('-o, --output <dir>', 'folder of the trace (./kymo-traces/NAME-DATE-TIME)')
    .option('-e, --event <patterns>', 'events to record, * stands for anything (all)', collect)
    .option('-t, --context <names>', 'vpid, vtid, procname, thread_name or none (vtid)', collect)
    .option('--clock <kind>', 'monotonic, coarse or global', 'monotonic')
    .option('--header <form>', 'auto, compact, large or sized', 'auto')
    .option('--subbuf-size <size>', 'bytes of a sub-buffer; k, M and G are understood', '256k')
    .option('--num-subbuf <n>', 'sub-buffers of a ring', '8')
    .option('--loglevel <level>', 'this log level and the more severe ones')
    .option('--name <name>', "name of the session (the command's)")
    .option('--summary <file>', 'write the numbers of the end as JSON')
    .passThroughOptions()
    .addHelpText('after', RECORD_EXAMPLES)
    .action(async (command: string[], options) => {
      const { record } = await import('./record.ts')
      done(await record(command, options))
    })

  program
    .command('list')
    .description('list sessions, or running programs and their events')
    .option('-u, --userspace', 'running programs')
    .option('-f, --fields', 'the fields of each event')
    .addHelpText('after', LIST_EXAMPLES)
    .action(async options => {
      if (options.userspace || options.fields) {
        const { listPrograms } = await import('./list-programs.ts')
        listPrograms({ fields: options.fields === true })
      } else {
        const { printSessions } = await import('./list-sessions.ts')
        printSessions()
      }
    })

  program
    .command('crash')
    .description('make a whole trace of what a killed recorder left')
    .argument('<dir>', "the trace's folder or the session's directory")
    .option('-o, --output <dir>', 'folder for what was not written yet')
    .addHelpText('after', CRASH_EXAMPLES)
    .action(async (path: string, options) => {
      const { crash } = await import('./crash.ts')
      await crash(path, options)
    })

  return program
}

async function main(): Promise<void> {
  // Whoever reads us may stop (`kymo list | head`): that is no error of ours.
  process.stdout.on('error', () => process.exit())
  try {
    await buildProgram(exitCode => {
      process.exitCode = exitCode
    }).parseAsync()
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has said it; help and version were asked for.
      const wasAsked = ['commander.helpDisplayed', 'commander.version'].includes(error.code)
      process.exitCode = wasAsked ? 0 : EXIT_USAGE
      return
    }
    const isUsage = (error as { code?: unknown }).code === 'KYMO_USAGE'
    process.stderr.write(`kymo: ${errorText(error)}\n`)
    process.exitCode = isUsage ? EXIT_USAGE : EXIT_ERROR
  }
}

await main()
