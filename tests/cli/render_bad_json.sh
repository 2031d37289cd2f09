echo x >t.jinja
printf '{"messages":\n [}' >v.json
$WAAGE render --template t.jinja v.json
