/** The configuration files of the examples: as a server wants them, but for what each machine has of its own. */
import { readFileSync } from 'node:fs'

/**
 * Fill the places of a configuration file that are written `${NAME}`.
 *
 * @param {URL} template
 * @param {Readonly<Record<string, string | number>>} values
 * @returns {string}
 */
export function fill(template, values) {
  return readFileSync(template, 'utf8').replaceAll(/\$\{([A-Z_]+)\}/g, (_, name) => {
    if (values[name] === undefined) throw new TypeError(`${template.pathname}: nothing is given for ${name}`)
    return String(values[name])
  })
}
