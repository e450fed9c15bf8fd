#!/usr/bin/env bash
# Shows the outputs of an LRFinder pod with the viewer of the console of Kubeflow Pipelines, in that project's own test runner.
#
#   kfp_console.sh EXECUTOR_OUTPUT.json PAGE.html [FRONTEND]
#
# EXECUTOR_OUTPUT.json is what the pod wrote about its outputs, and PAGE.html the file at the uri of lr_finder_page.
# `pytest -m long --basetemp=FOLDER tests/compiled/test_console.py` leaves both below FOLDER, for a pod of KFP.
# FRONTEND is KFP's folder `frontend` with its packages. Without it, the script downloads KFP 2.17.0 and 800 MB of packages into a
# temporary folder. It needs git and node 20 or newer.
set -euo pipefail
EXECUTOR_OUTPUT=$(realpath "$1")
LR_FINDER_PAGE=$(realpath "$2")
export EXECUTOR_OUTPUT LR_FINDER_PAGE
here=$(dirname "$(realpath "$0")")

if [ $# -ge 3 ]; then
  cd "$3"
else
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  git clone --quiet --depth 1 --branch 2.17.0 https://github.com/kubeflow/pipelines "$folder"
  cd "$folder/frontend"
  npm ci --ignore-scripts --no-audit --no-fund --engine-strict=false --force
fi
cp "$here/kfp_console.test.tsx" src/components/viewers/LRFinder.test.tsx
npx vitest run src/components/viewers/LRFinder.test.tsx
