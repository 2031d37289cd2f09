# What is built in has no findings.
$WAAGE lint math reasoning safety censorship
