/** Where the servers of a local cluster's members are. */

/** Of a member's admin server; with a dash for the port where it is not known yet. */
export function adminUrl(port: number | undefined): string {
  return `http://127.0.0.1:${port ?? '-'}`
}
