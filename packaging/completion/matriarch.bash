# bash completion for matriarch and patronictl: commands, options, and files where a file is wanted.
# Directories are marked as such, so that one can go on into them.
_matriarch_files() {
  compopt -o filenames 2>/dev/null
  COMPREPLY+=($(compgen -f -- "$1"))
}
_matriarch() {
  COMPREPLY=()
  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command= i
  local commands="status list topology history events dsn version switchover failover restart reload reinit pause resume flush
    demote-cluster promote-cluster remove wait show-config edit-config why why-no-leader rules"
  [ "${1##*/}" = patronictl ] || commands="$commands run witness store"
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      -c|--config-file|-d|--dcs|--dcs-url) i=$((i + 1)) ;;
      -*) ;;
      *) command=${COMP_WORDS[i]}; break ;;
    esac
  done
  case $previous in
    -c|--config-file|--apply|--replace|run|witness|--validate-config|-i|--ignore-listen-port|-p|--print|--generate-sample-config|--generate-config) _matriarch_files "$word"; return ;;
    -f|--format) COMPREPLY=($(compgen -W "pretty tsv json yaml yml" -- "$word")); return ;;
    -r|--role) COMPREPLY=($(compgen -W "leader primary standby-leader replica standby any" -- "$word")); return ;;
    --for) COMPREPLY=($(compgen -W "primary writable leader= streaming= streaming=all sync no-pending-restart timeline>= paused resumed verdict=ok" -- "$word")); return ;;
  esac
  if [ -z "$command" ]; then
    case $word in
      -*)
        local global="-c --config-file -d --dcs-url -k --insecure --help"
        [ "${1##*/}" = patronictl ] || global="$global --version --validate-config --ignore-listen-port --print --generate-sample-config --generate-config --dsn --form-new-cluster"
        COMPREPLY=($(compgen -W "$global" -- "$word")) ;;
      *)
        COMPREPLY=($(compgen -W "$commands" -- "$word"))
        [ "${1##*/}" = patronictl ] || _matriarch_files "$word" ;;
    esac
    return
  fi
  local options= step=
  if [ "$command" = store ]; then
    for ((i = i + 1; i < COMP_CWORD; i++)); do
      case ${COMP_WORDS[i]} in -*) ;; *) step=${COMP_WORDS[i]}; break ;; esac
    done
    case $step:$word in
      snapshot:[!-]*|snapshot:|restore:[!-]*|restore:) _matriarch_files "$word"; return ;;
    esac
  fi
  case $command in
    status) options="--json --format --quiet --probe-timeout --watch -W" ;;
    list) options="--extended --timestamp --format --json --watch -W" ;;
    topology) options="--watch -W" ;;
    history) options="--format --json" ;;
    events) options="--since --follow --json" ;;
    dsn) options="--role --member --all" ;;
    switchover) options="--leader --primary --candidate --scheduled --force --dry-run" ;;
    failover) options="--candidate --force --dry-run" ;;
    restart) options="--role --any --scheduled --pg-version --pending --timeout --force" ;;
    reload) options="--role --force" ;;
    reinit) options="--force --from-leader --wait --timeout" ;;
    pause|resume) options="--wait" ;;
    flush) options="--role --force restart switchover" ;;
    demote-cluster) options="--host --port --restore-command --primary-slot-name --timeout --force" ;;
    promote-cluster) options="--timeout --force" ;;
    remove) options="--format" ;;
    wait) options="--for --timeout --stable" ;;
    show-config) options="--json" ;;
    edit-config) options="--quiet --set --pg --apply --replace --force --dry-run" ;;
    why) options="-n --json --cluster" ;;
    why-no-leader) options="--json" ;;
    rules) options="--markdown --json" ;;
    run) options="--form-new-cluster" ;;
    store)
      case $step in
        "") options="status add remove snapshot restore recover force-new-cluster" ;;
        status) options="--json" ;;
        remove|snapshot|restore|recover|force-new-cluster) options="--force" ;;
      esac ;;
  esac
  COMPREPLY=($(compgen -W "$options --help" -- "$word"))
}
complete -F _matriarch matriarch patronictl
