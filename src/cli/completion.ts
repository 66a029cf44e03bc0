import { Argument, type Command } from 'commander';
import type { World } from './program.ts';

const EXAMPLES = `
Examples:
  millrace completion bash > ~/.local/share/bash-completion/completions/millrace
  millrace completion zsh > ~/.zfunc/_millrace
  millrace completion fish > ~/.config/fish/completions/millrace.fish
  millrace completion pwsh >> $PROFILE`;

/** Written from the commands that there are, so that none can be forgotten. */
export function addCompletion(program: Command, { terminal }: World): void {
  program
    .command('completion')
    .description('print the script that lets a shell complete our commands and options')
    .addArgument(new Argument('<SHELL>', 'whose').choices(Object.keys(SCRIPTS)))
    .addHelpText('after', EXAMPLES)
    .action((shell: keyof typeof SCRIPTS) => terminal.out(SCRIPTS[shell](placesOf(program))));
}

/** What may stand behind some words. */
interface Choice {
  readonly word: string;
  readonly about: string;
}

interface Place {
  /** The commands before it, e.g. "task create"; "" behind the program's name. */
  readonly path: string;
  readonly choices: readonly Choice[];
}

function placesOf(command: Command, path = ''): readonly Place[] {
  const inner = command.commands.map(one => ({ word: one.name(), about: brief(one.description()) }));
  const options = command.options.flatMap(({ long, description }) =>
    long === null || long === undefined ? [] : [{ word: long, about: brief(description) }],
  );
  const help = { word: '--help', about: 'tell about it' };
  return [
    { path, choices: [...inner, ...options, help] },
    ...command.commands.flatMap(one => placesOf(one, path === '' ? one.name() : `${path} ${one.name()}`)),
  ];
}

const MOST_ABOUT = 80;

/** A line that no shell finds an order in. */
const brief = (text: string): string =>
  text
    .replace(/[^\p{L}\p{N} .,;/()=+-]/gu, '')
    .slice(0, MOST_ABOUT)
    .trim();

const paths = (places: readonly Place[]): readonly string[] =>
  places.map(({ path }) => path).filter(path => path !== '');

const quotedWords = (places: readonly Place[], around: (words: string) => string): string =>
  paths(places).map(around).join(' ');

const bash = (places: readonly Place[]): string => `# Completion of millrace for bash.
_millrace() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" word i
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${path:+$path }\${COMP_WORDS[i]}"
    case "$word" in
      ${paths(places)
        .map(path => `"${path}"`)
        .join('|')}) path="$word" ;;
    esac
  done
  local words=""
  case "$path" in
${places.map(({ path, choices }) => `    "${path}") words="${choices.map(({ word }) => word).join(' ')}" ;;`).join('\n')}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}
complete -o default -F _millrace millrace
`;

const zsh = (places: readonly Place[]): string => `#compdef millrace
# Completion of millrace for zsh.
_millrace() {
  local at="" word i
  local -a found
  for ((i = 2; i < CURRENT; i++)); do
    word="\${at:+$at }\${words[i]}"
    case "$word" in
      ${paths(places)
        .map(path => `"${path}"`)
        .join('|')}) at="$word" ;;
    esac
  done
  case "$at" in
${places.map(({ path, choices }) => `    "${path}") found=(${choices.map(({ word, about }) => `'${word}:${about}'`).join(' ')}) ;;`).join('\n')}
  esac
  _describe -o millrace found || _files
}
if [ "\${funcstack[1]}" = _millrace ]; then _millrace "$@"; else compdef _millrace millrace; fi
`;

const fish = (places: readonly Place[]): string => `# Completion of millrace for fish.
function __millrace_at
  set -l path
  for word in (commandline -opc)[2..]
    set -l next (string trim -- "$path $word")
    contains -- $next ${quotedWords(places, path => `'${path}'`)}; and set path $next
  end
  test "$path" = "$argv[1]"
end
${places.flatMap(({ path, choices }) => choices.map(choice => fishLine(path, choice))).join('\n')}
`;

function fishLine(path: string, { word, about }: Choice): string {
  const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${word}`;
  return `complete -c millrace -n '__millrace_at "${path}"' ${what} -d '${about}'`;
}

const pwsh = (places: readonly Place[]): string => `# Completion of millrace for PowerShell.
Register-ArgumentCompleter -Native -CommandName millrace -ScriptBlock {
  param($current, $ast, $cursor)
  $known = @{
${places.map(({ path, choices }) => `    '${path}' = @(${choices.map(({ word }) => `'${word}'`).join(', ')})`).join('\n')}
  }
  $path = ''
  foreach ($element in $ast.CommandElements | Select-Object -Skip 1) {
    $next = ("$path " + $element.ToString()).Trim()
    if ($known.ContainsKey($next)) { $path = $next }
  }
  $known[$path] | Where-Object { $_ -like "$current*" } | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
}
`;

const SCRIPTS = { bash, zsh, fish, pwsh };
