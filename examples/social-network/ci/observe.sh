# shellcheck shell=sh
# The forced command of a certificate that may only look (see vault.sh): sshd runs this in place of what the client asks for.
# Of that it takes nothing but the name of one of our programs, which only root can put there, and runs it in check mode.
program=
for named in $(printf '%s' "$SSH_ORIGINAL_COMMAND" | grep -oE '/usr/local/libexec/socle/[a-z_-]+-[0-9a-f]{64}'); do
    [ ! -x "$named" ] || program=$named
done
case $program in
'') echo "socle: $(uname -m)" >&2 && exit 127 ;; # not installed: the provider says so
*/socle-node-*) exec sudo -n "$program" readers ;;
*) exec sudo -n "$program" --check ;;
esac
