/** The commands that run programs for people: `kymo record -- npm start` means what npm starts. */

/** Their command lines: npm-cli.js, pnpm.cjs, yarn-4.5.0.cjs … */
const SCRIPT = /^(npm|npx|pnpm|pnpx|yarn|yarnpkg|corepack)(-cli|-[\d.]+)?\.[cm]?js$/
/** Their packages; a program's own `yarn.js` lies elsewhere. */
const FOLDER = /[\\/](npm|pnpm|@pnpm|yarn|@yarnpkg|yarnpkg|corepack|\.yarn)[\\/](.*[\\/])?$/

/** `script`: real path of a main script. */
export function isPackageManager(script: string): boolean {
  const end = Math.max(script.lastIndexOf('/'), script.lastIndexOf('\\')) + 1
  return SCRIPT.test(script.slice(end)) && FOLDER.test(script.slice(0, end))
}
