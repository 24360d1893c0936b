/**
 * The way that a member's connections take: where it dials another member it reaches the link between the two instead, which the runner
 * can break. Production code is as it is; what a socket is told to connect to is changed beneath it.
 */
import { Socket } from 'node:net'

/** @param detours `host:port` by the `host:port` that is dialled. */
export function takeDetours(detours: Readonly<Record<string, string>>): void {
  const connect = Socket.prototype.connect
  const detour = function (this: Socket, ...args: Parameters<typeof connect>): Socket {
    return Reflect.apply(connect, this, redirected(args, detours))
  }
  // All the overloads of a method that takes what it is given.
  Socket.prototype.connect = detour as typeof connect
}

/** `net.connect` hands its normalized arguments on, in an array; who uses a socket gives them as they are. */
function redirected<Args extends unknown[]>(args: Args, detours: Readonly<Record<string, string>>): unknown[] {
  const [first, ...others] = args
  if (Array.isArray(first)) {
    const [options, ...rest] = first as unknown[]
    // What Node marks as normalized must stay the array that it marked.
    return [Object.assign(first, [redirect(options, detours), ...rest]), ...others]
  }
  return [redirect(first, detours), ...others]
}

function redirect(options: unknown, detours: Readonly<Record<string, string>>): unknown {
  if (typeof options !== 'object' || options === null || !('port' in options)) return options
  const host = 'host' in options ? options.host : '127.0.0.1'
  const target = detours[`${host}:${options.port}`]
  if (target === undefined) return options
  const at = target.lastIndexOf(':')
  return { ...options, host: target.slice(0, at), port: Number(target.slice(at + 1)) }
}
