/**
 * Faults of links, of which several may lie on one link: when one of them ends, the others stay.
 */
import type { Link, Links } from '../links/links.ts'
import type { Fault } from '../scenario.ts'

type LinkFault = Extract<Fault, { readonly kind: 'partition' | 'cut' | 'impair' }>

/** A fault and the links that it lies on. */
interface Lying {
  readonly fault: LinkFault
  readonly links: readonly Link[]
}

export class LinkFaults {
  readonly #links: Links
  readonly #members: number
  readonly #lying = new Set<Lying>()

  constructor(links: Links, members: number) {
    this.#links = links
    this.#members = members
  }

  /** @returns how it ends. */
  async begin(fault: LinkFault): Promise<() => Promise<void>> {
    const lying = { fault, links: linksOf(fault, this.#members) }
    this.#lying.add(lying)
    await this.#lay(lying)
    return async () => {
      this.#lying.delete(lying)
      await this.#links.heal(lying.links)
      for (const other of this.#lying) await this.#lay(other)
    }
  }

  async #lay({ fault, links }: Lying): Promise<void> {
    if (fault.kind === 'impair') await this.#links.impair(links, fault.conditions)
    else await this.#links.cut(links)
  }
}

/** The directions that a fault lies on; all its targets are numbers by now. */
function linksOf(fault: LinkFault, members: number): Link[] {
  const all = Array.from({ length: members }, (_, member) => member)
  if (fault.kind === 'partition') {
    const others = all.filter((member) => !fault.side.includes(member))
    return [...pairs(fault.side.filter(isMember), others), ...pairs(others, fault.side.filter(isMember))]
  }
  return pairs(fault.from?.filter(isMember) ?? all, fault.to?.filter(isMember) ?? all)
}

function pairs(from: readonly number[], to: readonly number[]): Link[] {
  return from.flatMap((a) => to.filter((b) => b !== a).map((b) => ({ from: a, to: b })))
}

function isMember(target: number | string): target is number {
  return typeof target === 'number'
}
