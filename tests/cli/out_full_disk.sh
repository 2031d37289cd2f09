# Data that did not arrive is not success.
[ -e /dev/full ] || { echo "no /dev/full" >&2; exit 77; }
$WAAGE --help >/dev/full
