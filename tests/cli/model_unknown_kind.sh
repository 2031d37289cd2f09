$WAAGE tokenize -m gopher:thing hello
