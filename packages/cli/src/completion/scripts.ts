/**
 * Completion scripts. Each is static: the shell asks nobody, so completing takes no time and needs no running cluster.
 *
 * All three find the command by the words before the cursor that are no options, and then offer the commands and options
 * below it, or the values of the option just before.
 */
import type { CompletionNode, CompletionOption } from './tree.ts'

export type Shell = 'bash' | 'zsh' | 'fish'

export const SCRIPTS: Readonly<Record<Shell, (root: CompletionNode) => string>> = { bash, zsh, fish }

/** Every command with the names that lead to it, the root with none. */
function paths(
  node: CompletionNode,
  path: readonly string[] = [],
): { path: readonly string[]; node: CompletionNode }[] {
  return [{ path, node }, ...node.commands.flatMap((child) => paths(child, [...path, child.name]))]
}

function bash(root: CompletionNode): string {
  const all = paths(root)
  const commands = all.filter(({ path }) => path.length > 0).map(({ path }) => `'${path.join(' ')}'`)
  const words = all.map(({ path, node }) => `    '${path.join(' ')}') words='${offered(node).join(' ')}' ;;`)
  const values = all.flatMap(({ path, node }) =>
    node.options.flatMap((option) =>
      option.flags.flatMap((flag) => {
        const action = bashValue(option)
        return action === undefined
          ? []
          : [`    '${path.join(' ')}${path.length > 0 ? ' ' : ''}${flag}') ${action}; return ;;`]
      }),
    ),
  )
  return `# bash completion for ${root.name}, made by: ${root.name} completion bash
_${root.name}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" command='' words='' word
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "\${command:+$command }$word" in
    ${commands.join('|')}) command="\${command:+$command }$word" ;;
    esac
  done
  case "\${command:+$command }$before" in
${values.join('\n')}
  esac
  case "$command" in
${words.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _${root.name} ${root.name}
`
}

function bashValue({ value, choices }: CompletionOption): string | undefined {
  switch (value) {
    case 'none':
      return undefined
    case 'choice':
      return `COMPREPLY=($(compgen -W '${choices.join(' ')}' -- "$current"))`
    case 'file':
      return 'COMPREPLY=($(compgen -f -- "$current"))'
    case 'dir':
      return 'COMPREPLY=($(compgen -d -- "$current"))'
    case 'any':
      return 'COMPREPLY=()'
  }
}

function offered({ commands, choices, options }: CompletionNode): string[] {
  return [...commands.map(({ name }) => name), ...choices, ...options.flatMap(({ flags }) => flags)]
}

function zsh(root: CompletionNode): string {
  const functions = paths(root).map(({ path, node }) => {
    const name = ['_reprise', ...path].join('_')
    const specs = node.options.map((option) => `    ${quote(zshOption(option))} \\`)
    if (node.commands.length === 0) {
      const argument = node.choices.length > 0 ? `':value:(${node.choices.join(' ')})'` : `'*::argument:_default'`
      return `${name}() {\n  _arguments -s \\\n${[...specs, `    ${argument}`].join('\n')}\n}`
    }
    const described = node.commands.map((child) => `      ${quote(`${child.name}:${child.help}`)}`)
    const cases = node.commands.map((child) => `      ${child.name}) ${name}_${child.name} ;;`)
    return `${name}() {
  local context state state_descr line
  typeset -A opt_args
  _arguments -s -C \\
${specs.join('\n')}
    '1: :->command' '*::argument:->rest'
  case "$state" in
  command)
    local -a commands=(
${described.join('\n')}
    )
    _describe command commands ;;
  rest)
    case "$line[1]" in
${cases.join('\n')}
    esac ;;
  esac
}`
  })
  return `#compdef ${root.name}\n# zsh completion for ${root.name}, made by: ${root.name} completion zsh\n${functions.join('\n')}\n_reprise "$@"\n`
}

function zshOption({ flags, help, value, choices }: CompletionOption): string {
  const described = help.replace(/[[\]:]/g, (character) => `\\${character}`)
  const names = flags.length > 1 ? `(${flags.join(' ')})` : ''
  const actions = {
    none: '',
    choice: `:value:(${choices.join(' ')})`,
    file: ':file:_files',
    dir: ':dir:_files -/',
    any: ':value: ',
  }
  // Of an option with two names, each excludes the other; completing the long one is enough.
  return `${names}${flags.at(-1)}[${described}]${actions[value]}`
}

function fish(root: CompletionNode): string {
  const lines = paths(root).flatMap(({ path, node }) => {
    const children = node.commands.map(({ name }) => name).join(' ')
    const seen = path.map((name) => `__fish_seen_subcommand_from ${name}`)
    const here = [...seen, ...(children === '' ? [] : [`not __fish_seen_subcommand_from ${children}`])].join('; and ')
    const condition = here === '' ? '' : ` -n ${quote(here)}`
    return [
      ...node.commands.map(
        (child) => `complete -c ${root.name}${condition} -f -a ${child.name} -d ${quote(child.help)}`,
      ),
      ...node.choices.map((choice) => `complete -c ${root.name}${condition} -f -a ${choice}`),
      ...node.options.map(
        (option) => `complete -c ${root.name}${condition}${fishOption(option)} -d ${quote(option.help)}`,
      ),
    ]
  })
  return `# fish completion for ${root.name}, made by: ${root.name} completion fish\n${lines.join('\n')}\n`
}

function fishOption({ flags, value, choices }: CompletionOption): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? ` -l ${flag.slice(2)}` : ` -s ${flag.slice(1)}`)).join('')
  const values = {
    none: '',
    choice: ` -x -a ${quote(choices.join(' '))}`,
    file: ' -r -F',
    dir: ` -x -a ${quote('(__fish_complete_directories)')}`,
    any: ' -x',
  }
  return `${names}${values[value]}`
}

/** In single quotes, as all three shells read them. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
