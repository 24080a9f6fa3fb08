/** Scripts by which a shell asks `ocs complete` for candidates: one per line, with a tab before the description. */
export const completionScripts = {
  bash: `# Completion of ocs for bash: eval "$(ocs completion bash)" in ~/.bashrc
_ocs() {
  local i word words=()
  # Bash takes --flag=value for three words.
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if ((\${#words[@]} > 0)) && [[ $word == "=" || \${COMP_WORDS[i - 1]} == "=" ]]; then
      words[\${#words[@]} - 1]+=$word
    else
      words+=("$word")
    fi
  done
  local last=\${words[\${#words[@]} - 1]}
  COMPREPLY=()
  while IFS=$'\\t' read -r word _; do
    [[ $last == --*=* && $COMP_WORDBREAKS == *=* ]] && word=\${word#*=}
    COMPREPLY+=("$word")
  done < <("$1" complete -- "\${words[@]}" 2>/dev/null </dev/null)
}
complete -o default -F _ocs ocs
`,
  zsh: `#compdef ocs
# Completion of ocs for zsh: eval "$(ocs completion zsh)" in ~/.zshrc after compinit, or as _ocs in a folder of fpath
_ocs() {
  local -a found
  local line
  for line in \${(f)"$("$words[1]" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null </dev/null)"}; do
    found+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  if (( $#found )); then _describe ocs found; else _files; fi
}
if [[ $funcstack[1] == _ocs ]]; then _ocs "$@"; else compdef _ocs ocs; fi
`,
  fish: `# Completion of ocs for fish: ocs completion fish > ~/.config/fish/completions/ocs.fish
function __ocs_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    set -e words[1]
    ocs complete -- $words "$last" 2>/dev/null </dev/null
end
complete -c ocs -f -a '(__ocs_complete)'
complete -c ocs -l site-file -r -F
`,
} as const
