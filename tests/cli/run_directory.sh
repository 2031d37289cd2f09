# A directory in place of a model file.
mkdir models
"$WAAGE" run -m models -s math -o out
