#!/usr/bin/env bash
# Verifies on your cluster what could not be verified without one; docs/verified.md says what that is.
#
#   kubeflow/smoke.sh OVERLAY IMAGE [runner's flags ...]
#   kubeflow/smoke.sh gke registry.example.org/tfx-lr-finder:0.1.0-gpu --root gs://... --data gs://... --serving gs://...
#
# Needs kubectl with a context, Kubeflow Pipelines in the namespace, and this project's environment (`make venv`).
set -euo pipefail

if [ $# -lt 2 ]; then
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."
overlay=kubeflow/overlays/$1
image=$2
shift 2
namespace=${NAMESPACE:-kubeflow}
port=${PORT:-8888}

step() { printf '\n== %s\n' "$*"; }

step "the API server takes the manifests"
kubectl apply --dry-run=server --kustomize "$overlay"
kubectl apply --kustomize "$overlay"

step "the service account may do what it must, and no more"
may() { kubectl auth can-i --quiet --namespace "$namespace" --as "system:serviceaccount:$namespace:lr-finder-runner" "$@"; }
for needed in "create workflowtaskresults.argoproj.io" "get configmaps/kfp-launcher"; do
    # shellcheck disable=SC2086
    if ! may $needed; then
        echo "lr-finder-runner may not $needed" >&2
        exit 1
    fi
done
for forbidden in "create pods" "list secrets" "delete workflows.argoproj.io" "create pods/exec"; do
    # shellcheck disable=SC2086
    if may $forbidden; then
        echo "lr-finder-runner may $forbidden" >&2
        exit 1
    fi
done

step "the image runs as non-root on a read-only root; its GPUs"
kubectl delete pod lr-finder-smoke --namespace "$namespace" --ignore-not-found
case " $* " in *" --accelerator "*) gpus=1 limits='{"nvidia.com/gpu": "1"}' ;; *) gpus=0 limits='{}' ;; esac
kubectl run lr-finder-smoke --namespace "$namespace" --image "$image" --restart Never --attach --rm --quiet --overrides '{
  "spec": {
    "securityContext": {"runAsNonRoot": true, "runAsUser": 1000},
    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    "volumes": [{"name": "tmp", "emptyDir": {}}],
    "containers": [{
      "name": "lr-finder-smoke", "image": "'"$image"'",
      "command": ["python", "-c", "import tensorflow as tf; from tfx_lr_finder.runtime.loop import gpus; gpus.prepare('"$gpus"', '"'fail'"'); print(gpus.facts())"],
      "securityContext": {"readOnlyRootFilesystem": true, "allowPrivilegeEscalation": false},
      "resources": {"limits": '"$limits"'},
      "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]
    }]
  }
}'

step "a run of the pipeline ends well"
kubectl port-forward --namespace "$namespace" svc/ml-pipeline "$port:8888" >/dev/null &
forward=$!
trap 'kill "$forward"' EXIT
sleep 3
started=$(.ci/venv.sh python pipelines/run_kubeflow.py run --endpoint "http://localhost:$port" --namespace "$namespace" \
    --image "$image" "$@" | tee /dev/stderr | sed -n 's/^Started: //p')
.ci/venv.sh python -W ignore - "http://localhost:$port" "$started" <<'PYTHON'
import sys

import kfp

run = kfp.Client(host=sys.argv[1]).wait_for_run_completion(sys.argv[2], timeout=7200)
print("state:", run.state)
sys.exit(run.state != "SUCCEEDED")
PYTHON

step "all passed"
