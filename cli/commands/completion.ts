/** berth completion: a script that makes a shell complete commands, kinds and names. */
import type { Argv } from 'yargs';
import type { Program } from '../program.ts';

export const command = 'completion <shell>';

export interface CompletionArguments {
  readonly shell: 'bash' | 'zsh';
}

export const builder = (yargs: Argv): Argv =>
  yargs
    .positional('shell', { type: 'string', choices: ['bash', 'zsh'], demandOption: true, describe: 'For which shell' })
    .example('source <(berth completion bash)', 'For this shell; put it into ~/.bashrc to keep it')
    .example('berth completion zsh > "${fpath[1]}/_berth"', 'For zsh');

const scripts: Readonly<Record<CompletionArguments['shell'], string>> = {
  // Nothing found: bash goes on with file names (-o default). A word that ends with "/" or "=" goes on without a space.
  bash: `_berth() {
  local word="\${COMP_WORDS[COMP_CWORD]}" line
  COMPREPLY=()
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <("\${COMP_WORDS[0]}" __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  [[ \${#COMPREPLY[@]} -eq 1 && "\${COMPREPLY[0]}" == *[/=] ]] && compopt -o nospace
  return 0
}
complete -o default -F _berth berth
`,
  zsh: `#compdef berth
_berth() {
  local -a found
  found=("\${(@f)$("\${words[1]}" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  found=(\${found:#})
  if (( \${#found} )); then compadd -Q -- "\${found[@]}"; else _files; fi
}
if [[ "\${funcstack[1]}" == _berth ]]; then _berth "$@"; else compdef _berth berth; fi
`,
};

export const run = async (args: CompletionArguments, program: Program): Promise<void> => {
  program.stdout.write(scripts[args.shell]);
};
