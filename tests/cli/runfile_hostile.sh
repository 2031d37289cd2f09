# RUN.yaml of every kind of wrong: status 2 with file and line, never a crash.
i=0
refused() {
    i=$((i + 1))
    cat >r.yaml
    $WAAGE run -c r.yaml -o d >out 2>err
    status=$?
    [ $status = 2 ] || { echo "$i: status $status"; cat r.yaml err; exit 1; }
    grep -q "^waage: r.yaml:[0-9]*: " err || { echo "$i: no line"; cat err; exit 1; }
    grep -q -- "$1" err || { echo "$i: wanted $1"; cat err; exit 1; }
    [ ! -e d ] || { echo "$i: d was made"; exit 1; }
}
printf 'models: [x\n' >1; refused "r.yaml" <1
printf 'models: []\nmodels: []\n' >1; refused "r.yaml:2" <1
printf 'a: &a [*a]\n' >1; refused "r.yaml" <1
printf '\377\376' >1; refused "r.yaml" <1
printf 'settings: {seed: 99999999999999999999}\n' >1; refused "whole number" <1
printf 'settings: {limit: 1.5}\n' >1; refused "whole number" <1
printf 'settings:\n  thread: 2\n' >1; refused "did you mean 'threads'" <1
printf 'suites: [[1]]\n' >1; refused "list of names" <1
printf 'models: [{uri: a, label: [b]}]\n' >1; refused "text is expected" <1
{ for n in $(seq 200); do printf '['; done; echo; } >1; refused "r.yaml" <1
exit 2
