mkdir d
head -c 5000 /dev/zero | tr '\0' x >d/run.sqlite
$WAAGE digest d
