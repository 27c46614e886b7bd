#!/bin/bash
# Help, manual pages and shell completion: all of them name every command and every option, and are what man and the shells take.
. "$(dirname "$0")/lib.sh"

expect 0 --help
overview=$out
for group in Faces Galleries Service Models Training "Data sets" Evaluation Speed General; do
    grep -qx "$group:" <<<"$overview" || wrong "the overview has no group $group"
done
mapfile -t commands < <(sed -n 's/^  \([a-z][a-z0-9 -]*[a-z0-9]\)  .*/\1/p' <<<"$overview")
[ ${#commands[@]} -ge 40 ] || wrong "the overview names ${#commands[@]} commands"
expect 0 help
[ "$out" = "$overview" ] || wrong "help and --help differ"

# A command's help: its description, each default and range, the exit statuses.
expect 0 data synth --help
says "The same options give the same" "people (from 1, default 100)" "(0 to 2, default 1)" "0 done, 2 usage" "Example:"
expect 0 help eval lfw
says "--far X" "(0 to 1, default" "1000)"
expect 0 verify --help
says "1 different persons"
expect 2 help data pak
sentence 'did you mean "data pack"?'
expect 2 help --completion ksh
sentence "--completion ksh: must be bash, zsh or fish"
expect 4 help --man /dev/null/man

expect 0 help --man "$work/man"
for shell in bash zsh fish; do
    expect 0 help --completion $shell
    echo "$out" >"$work/completion.$shell"
done

# options COMMAND: "-o --output" a line, from its help.
options() {
    # shellcheck disable=SC2086
    "$arcface" $1 --help | sed -nE 's/^ {2,6}((-.), )?(--[a-z0-9-]+).*/\2 \3/p'
}
for command in "${commands[@]}"; do
    page=$work/man/arcface-${command// /-}.1
    [ -s "$page" ] || wrong "$command has no manual page"
    grep -qF "\\fB${command//-/\\-}\\fR" "$work/man/arcface.1" || wrong "arcface(1) lacks $command"
    bash_part=$(sed -n "/^    \"$command\")\$/,/^        ;;\$/p" "$work/completion.bash")
    zsh_part=$(sed -n "/^    ('$command') /,/ ;;\$/p" "$work/completion.zsh")
    fish_part=$(grep -F "'__arcface_is $command'" "$work/completion.fish")
    count=0
    while read -r short long; do
        [ -n "$long" ] || long=$short short=
        count=$((count + 1))
        grep -qF "\\fB${long//-/\\-}\\fR" "$page" || wrong "the page of $command lacks $long"
        grep -qwF -- "$long" <<<"$bash_part" || wrong "bash completion of $command lacks $long"
        grep -qE -- "[{',]$long[],}=[]" <<<"$zsh_part" || wrong "zsh completion of $command lacks $long"
        grep -qF -- " -l ${long#--} " <<<"$fish_part" || wrong "fish completion of $command lacks $long"
        [ -z "$short" ] && continue
        grep -qF "\\fB${short//-/\\-}\\fR, " "$page" || wrong "the page of $command lacks $short"
        grep -qF -- "$short " <<<"$bash_part" || wrong "bash completion of $command lacks $short"
        grep -qF -- "{$short," <<<"$zsh_part" || wrong "zsh completion of $command lacks $short"
        grep -qF -- " -s ${short#-} " <<<"$fish_part" || wrong "fish completion of $command lacks $short"
    done < <(options "$command")
    [ $count -ge 1 ] || wrong "$command has no option at all"
done

# The packs and networks that are offered are those that there are.
expect 0 pull --list
packs=$(grep -oE '^[a-z0-9_-]+' <<<"$out" | sort)
offered=$(sed -n '/^    "pull")$/,/ in$/s/.*words="\(.*\)" kind.*/\1/p' "$work/completion.bash" | tr ' ' '\n' | sort)
[ "$packs" = "$offered" ] || wrong "completion offers other packs than there are: $offered"
expect 2 model new none-such -o "$work/x.onnx"
for name in $(sed -n '/^    "model new")$/,/ in$/s/.*words="\(.*\)" kind.*/\1/p' "$work/completion.bash"); do
    grep -qw -- "$name" <<<"$err" || wrong "completion offers the network $name: $err"
done

# What the programs that read them say, where they are installed.
if command -v man >/dev/null; then
    for page in "$work"/man/*.1; do
        man --warnings -l "$page" 2>"$work/stderr" >/dev/null
        [ -s "$work/stderr" ] && wrong "$page: $(cat "$work/stderr")"
    done
fi
if command -v mandoc >/dev/null; then
    mandoc -T lint -W warning "$work"/man/*.1 | grep -v "missing date" >"$work/lint"
    [ -s "$work/lint" ] && wrong "mandoc: $(cat "$work/lint")"
fi

# bash_offers WORD... | what the completion offers for the last word.
bash_offers() (
    set -u
    # shellcheck disable=SC1091
    . "$work/completion.bash"
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _arcface
    printf '%s\n' "${COMPREPLY[@]}"
)
# offered PATTERN SHELL WORD...: whether one of the lines that the shell offers fits the pattern.
offered() {
    local pattern=$1 lines
    shift
    lines=$("$@")
    grep -qE -- "$pattern" <<<"$lines"
}
mkdir "$work/files" && cd "$work/files" && mkdir folder && touch "a photo.jpg" b.onnx
[ "$(bash_offers arcface verif)" = verify ] || wrong "bash: verif"
[ "$(bash_offers arcface eval l)" = lfw ] || wrong "bash: eval l"
[ "$(bash_offers arcface data pack x --layout s)" = sequence ] || wrong "bash: --layout s"
[ "$(bash_offers arcface eval lfw --imag)" = --images ] || wrong "bash: --imag"
[ "$(bash_offers arcface eval lfw --images "")" = folder ] || wrong "bash: folders"
[ "$(bash_offers arcface detect a)" = "a photo.jpg" ] || wrong "bash: photos"
[ "$(bash_offers arcface eval lfw --far "" | grep -c .)" -eq 0 ] || wrong "bash offers something for a number"
offered '^b\.onnx$' bash_offers arcface bench "" || wrong "bash: a model for bench"
offered '^roofline$' bash_offers arcface bench "" || wrong "bash: bench roofline"
if command -v zsh >/dev/null; then
    # The shell's own functions are replaced by ones that print what they are given.
    cat >"$work/try.zsh" <<'END'
compdef() { }
_arguments() { print -rl -- "$words[1] $CURRENT" "$@" }
_describe() { print -rl -- ${(P)4} }
. $1
shift
words=("$@") CURRENT=$#
_arcface
END
    zsh_offers() { zsh -f "$work/try.zsh" "$work/completion.zsh" "$@" 2>&1; }
    offered "^verify:are two" zsh_offers arcface verif || wrong "zsh: verify"
    offered "^lfw:LFW" zsh_offers arcface eval l || wrong "zsh: eval lfw"
    offered '^--layout=.*:KIND:\(identities sequence\)$' zsh_offers arcface data pack x --layout "" || wrong "zsh: --layout"
    offered '^pack 4$' zsh_offers arcface data pack x --layout "" || wrong "zsh: the words of the command are not taken off"
    offered "^roofline:" zsh_offers arcface bench "" || wrong "zsh: bench roofline"
fi
if command -v fish >/dev/null; then
    fish_offers() { HOME=$work fish --no-config -c "source $work/completion.fish; complete -C '$*'"; }
    offered "^verify.are two" fish_offers arcface verif || wrong "fish: verify"
    offered "^lfw.LFW" fish_offers arcface eval l || wrong "fish: eval lfw"
    offered "^sequence" fish_offers arcface data pack x --layout s || wrong "fish: --layout"
    offered "^--images" fish_offers arcface eval lfw --imag || wrong "fish: --images"
    offered '^a\\? photo.jpg' fish_offers arcface detect a || wrong "fish: photos"
    offered '^b\.onnx' fish_offers arcface eval folder "" && wrong "fish offers files where a folder is needed"
fi
finish
