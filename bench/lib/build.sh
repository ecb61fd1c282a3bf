# Builds what a run needs; sets `program` (the gate), `tools` (the folder of bare, backend and load), `seed`, and what the
# report says of them: `commit`, `flavour`.

prepare() {
  local folder=${CARGO_TARGET_DIR:-target}
  local -a cargo=(cargo build --locked --quiet) at=(--profile "$profile" ${target:+--target "$target"})
  # Cargo's folder for `dev`, with which the script itself can be tried out.
  tools=$folder/${target:+$target/}${profile/#dev/debug}
  # What it does is nobody's measure: the quicker build will do.
  local quicker=${profile/#dist/release}
  seed=$folder/${quicker/#dev/debug}/seed
  flags_of_program=()
  flavour=
  commit=$(git rev-parse --short HEAD)
  [ -z "$(git status --porcelain -- src static bench Cargo.toml Cargo.lock)" ] || commit+=', changed'
  if [ $short = yes ]; then
    # Fat LTO takes minutes longer.
    export CARGO_PROFILE_DIST_LTO=thin CARGO_PROFILE_DIST_CODEGEN_UNITS=16
    [ "$profile" != dist ] || flavour=' with thin LTO'
  fi
  if [ -n "$program" ]; then
    flags_of_program=(--program "$program" ${target:+--target "$target"})
    flavour+=', a finished gate'
  else
    # Two builds: Sidegate gets exactly the features that it is shipped with.
    if [ $build = yes ]; then "${cargo[@]}" "${at[@]}" --package sidegate; fi
    program=$tools/sidegate
  fi
  program=$(realpath "$program")
  if [ $build = no ]; then return; fi
  "${cargo[@]}" "${at[@]}" --package sidegate-bench
  if [[ " ${chosen[*]} " =~ \ (users|revoked)\  ]]; then "${cargo[@]}" --profile "$quicker" --package sidegate-bench-inside; fi
}
