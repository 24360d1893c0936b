/** Markup as tagged templates: what JSX would be, without a build step. Text that is put in is text, never markup. */
import type { ComponentChild } from 'preact'

export { html } from 'htm/preact'

/** What a component returns. */
export type Markup = ComponentChild
