/** Where things are by the XDG base directory rules: the user's config file, and the state of clusters. */
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/** `~/.config/reprise`, or where XDG_CONFIG_HOME says. */
export function userConfigDirectory(env: NodeJS.ProcessEnv): string {
  return join(xdgDirectory(env['XDG_CONFIG_HOME'], '.config'), 'reprise')
}

/** `~/.local/state/reprise/clusters`, or where XDG_STATE_HOME says. */
export function clusterDirectory(env: NodeJS.ProcessEnv): string {
  return join(xdgDirectory(env['XDG_STATE_HOME'], '.local/state'), 'reprise', 'clusters')
}

/** The rules say that a path that is not absolute does not count. */
function xdgDirectory(given: string | undefined, byDefault: string): string {
  return given !== undefined && isAbsolute(given) ? given : join(homedir(), byDefault)
}
