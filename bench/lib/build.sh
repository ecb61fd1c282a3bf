# Builds what a run needs; sets `program` (the gate), `tools` (the folder of bare, backend and load), `seed`, and what the
# report says of them: `commit`, `flavour`.

prepare() {
  local folder=${CARGO_TARGET_DIR:-target} finished=
  local -a cargo=(cargo build --locked --quiet) at=(--profile "$profile" ${target:+--target "$target"})
  # Cargo's folder for `dev`, with which the script itself can be tried out.
  tools=$folder/${target:+$target/}${profile/#dev/debug}
  # What it does is nobody's measure: the quicker build will do.
  local quicker=${profile/#dist/release}
  seed=$folder/${quicker/#dev/debug}/seed
  flags_of_program=()
  commit=$(git rev-parse --short HEAD)
  [ -z "$(git status --porcelain -- src static bench Cargo.toml Cargo.lock)" ] || commit+=', changed'
  if [ -n "$program" ]; then
    flags_of_program=(--program "$program" ${target:+--target "$target"})
    finished=', a finished program'
    alike "$program"
  fi
  if [ $short = yes ] && [ -z "${CARGO_PROFILE_DIST_LTO:-}" ]; then
    # Fat LTO takes minutes longer.
    export CARGO_PROFILE_DIST_LTO=thin CARGO_PROFILE_DIST_CODEGEN_UNITS=16
  fi
  if [ -z "$program" ]; then
    program=$tools/sidegate
    # Two builds: Sidegate gets exactly the features that it is shipped with.
    if [ $build = yes ]; then
      "${cargo[@]}" "${at[@]}" --package sidegate
      how >"$program.built"
    fi
  fi
  program=$(realpath "$program")
  if [ $build = yes ]; then
    "${cargo[@]}" "${at[@]}" --package sidegate-bench
    how >"$tools/bare.built"
    if [[ " ${chosen[*]} " =~ \ (users|revoked)\  ]]; then "${cargo[@]}" --profile "$quicker" --package sidegate-bench-inside; fi
  fi
  flavour=", Sidegate with $(told_how "$program")$finished, bare hyper with $(told_how "$tools/bare")"
}

# How this run builds: LTO, codegen units, libc. It stands beside what was built, `PROGRAM.built`; docker/compile says it, too.
how() {
  local lto=${CARGO_PROFILE_DIST_LTO:-fat} units=${CARGO_PROFILE_DIST_CODEGEN_UNITS:-1} libc=glibc
  [ "$profile" = dist ] || lto=no units=many
  [[ ${target:-$(rustc -vV | sed -n 's/^host: //p')} != *-musl ]] || libc=musl
  echo "$lto $units $libc"
}

# How a program was built, for the report.
told_how() {
  local lto units libc
  if [ ! -e "$1.built" ]; then echo 'LTO that nobody has noted'; return; fi
  read -r lto units libc <"$1.built"
  echo "$lto LTO (codegen units: $units; $libc)"
}

# Builds the bare proxy as a finished gate was built, unless the caller has chosen.
alike() {
  local lto units libc
  if [ ! -e "$1.built" ] || [ -n "${CARGO_PROFILE_DIST_LTO:-}" ]; then return; fi
  read -r lto units libc <"$1.built"
  [ "$lto" = no ] || export CARGO_PROFILE_DIST_LTO=$lto CARGO_PROFILE_DIST_CODEGEN_UNITS=$units
}
