echo "not a model" >x.gguf
$WAAGE tokenize -m x.gguf hello
