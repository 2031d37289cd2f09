printf '{%% for m in messages %%}<{{ m.role }}>{{ m.content }}{%% endfor %%}|{{ who }}|{{ n + 1 }}' >t.jinja
echo '{"messages": [{"role": "user", "content": "Hi"}], "who": "x"}' >v.json
$WAAGE render --template t.jinja v.json --set n=41 --set who=me
