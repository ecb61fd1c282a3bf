# What is measured: each system under its name, started when it is first asked for.

secret=3f9a1c5b7d2e4f60819a2b3c4d5e6f70

declare -A text_of=(
  [bare]='bare hyper' [bare-http2]='bare hyper, HTTP/2' [bare-tunnels]='bare hyper'
  [sidegate]='Sidegate' [silent]='Sidegate, access log off' [online]='Sidegate, 10,000 users online, each one asks in turn'
  [online-one]='Sidegate, 10,000 users online, one of them asks' [revoked]='Sidegate, 100,000 sessions revoked'
  [nginx]='nginx, no auth' [nginx-auth]='nginx `auth_request`' [nginx-http2]='nginx, no auth' [nginx-refuses]='nginx `return 401`'
  [haproxy]='HAProxy, no auth' [haproxy-hs256]='HAProxy `jwt_verify`, HS256' [haproxy-es256]='HAProxy `jwt_verify`, ES256'
  [envoy]='Envoy, no auth' [envoy-hs256]='Envoy `jwt_authn`, HS256' [envoy-es256]='Envoy `jwt_authn`, ES256'
  [caddy]='Caddy, no auth' [caddy-auth]='Caddy `forward_auth`'
)

# Starts a system unless it runs; then `pid_of`, `address_of` and `cookie_of` tell about it.
up() {
  if [ -n "${address_of[$1]:-}" ]; then return; fi
  case $1 in
    backend) start backend 1 "$tools/backend" && address_of[backend]=$(said_address backend) ;;
    bare) up_bare bare http1 ;;
    bare-http2) up_bare bare-http2 http2 ;;
    bare-tunnels) up_bare bare-tunnels tunnels ;;
    sidegate) gate sidegate && sign_in sidegate ;;
    silent) gate silent SIDEGATE_LOG_ACCESS=false && sign_in silent ;;
    # These two only sign tokens that peers can check.
    hs256) gate hs256 SIDEGATE_TOKENS_SECRET="$secret" && sign_in hs256 ;;
    es256) gate es256 SIDEGATE_TOKENS_ALGORITHM=ES256 && sign_in es256 ;;
    online) crowded online 0 10000 ;;
    online-one) up online && also online-one online "${address_of[online]}" ;;
    revoked) crowded revoked 100000 1 ;;
    nginx*) up_nginx ;;
    haproxy*) up_haproxy ;;
    envoy*) up_envoy ;;
    caddy*) up_caddy ;;
    *) fail "there is no system $1" ;;
  esac
}

up_bare() {
  up backend
  start "$1" 0 "$tools/bare" "${address_of[backend]}" "$2"
  address_of[$1]=$(said_address "$1")
  # It asks for none; it is sent one all the same, so that all requests are alike.
  up sidegate
  cookie_of[$1]=${cookie_of[sidegate]}
}

# A system that is served by another one's process.
also() {
  pid_of[$1]=${pid_of[$2]}
  address_of[$1]=$3
  cookie_of[$1]=${4:-${cookie_of[$2]}}
}

# The variables of a gate with a database of its own. Beyond what has to be said, they are the defaults: metrics are counted
# and served, each request is logged.
settings() {
  settings=(
    SIDEGATE_SERVER_LISTEN=127.0.0.1:0 SIDEGATE_SERVER_WORKERS=1 SIDEGATE_UPSTREAM_URL="http://${address_of[backend]}"
    SIDEGATE_DATABASE_URL="redb:$work/$1.redb" SIDEGATE_ADMIN_LISTEN=127.0.0.1:0 SIDEGATE_TOKENS_ACCESS_TTL=12h
  )
}

# Starts a gate. The rest: more variables.
gate() {
  local name=$1
  shift
  up backend
  settings "$name"
  start "$name" 0 env -i "${settings[@]}" "$@" "$program" serve
  address_of[$name]=$(said_address "$name")
}

# Signs a user up and in; their cookie is the system's from then on.
sign_in() {
  local origin=http://${address_of[$1]} json='content-type: application/json'
  local person='{"email":"bench@example.com","username":"bench","password":"correct horse battery"}'
  curl -fsS -o "$work/answer" -H "$json" "$origin/auth/signup" -d "$person"
  curl -fsS -o "$work/answer" -H "$json" -c "$work/jar" "$origin/auth/signin" -d "$person"
  cookie_of[$1]=$(awk '$6 == "access_token" { print $6 "=" $7 }' "$work/jar")
  [ -n "${cookie_of[$1]}" ] || fail "$1 sets no access_token" "$work/answer"
}

# Starts a gate on a database in which so many sessions were revoked, and so many users are signed in.
crowded() {
  up backend
  settings "$1"
  env -i "${settings[@]}" "$seed" "$2" "$3" >"$work/$1.tokens" 2>"$work/seed.log" || fail "the database could not be filled" "$work/seed.log"
  gate "$1"
  cookie_of[$1]=access_token=$(head -n 1 "$work/$1.tokens")
}
