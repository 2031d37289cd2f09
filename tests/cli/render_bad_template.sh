printf 'one\n{%% if %%}\n' >t.jinja
echo '{}' >v.json
$WAAGE render --template t.jinja v.json
