# The pieces of a text are the text.
m=$FIXTURES/tok-bpe.gguf
$WAAGE tokenize -m "$m" --no-bos "Grüße" >ids || exit 1
$WAAGE tokenize -m "$m" --no-bos --pieces "Grüße" >pieces || exit 1
[ "$(wc -w <ids)" = "$(wc -l <pieces)" ] || { cat ids pieces; exit 1; }
cut -f1 pieces | tr '\n' ' ' | sed 's/ $//' >ids2
[ "$(cat ids)" = "$(cat ids2)" ]
