#!/bin/bash
# A certificate authority, one certificate for scheduler, workers and driver, and the Dask configuration that names them,
# in the present folder. Keep key.pem and ca-key.pem to yourself.
set -euo pipefail
umask 077
openssl req -x509 -newkey rsa:3072 -nodes -days 365 -subj /CN=policy-ascent-ca -keyout ca-key.pem -out ca.pem 2>/dev/null
openssl req -newkey rsa:3072 -nodes -subj /CN=policy-ascent -keyout key.pem -out request.pem 2>/dev/null
openssl x509 -req -in request.pem -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 365 -out cert.pem 2>/dev/null
rm request.pem
cat > dask.yaml <<YAML
distributed:
  comm:
    require-encryption: true
    tls:
      ca-file: $PWD/ca.pem
      scheduler: {key: $PWD/key.pem, cert: $PWD/cert.pem}
      worker: {key: $PWD/key.pem, cert: $PWD/cert.pem}
      client: {key: $PWD/key.pem, cert: $PWD/cert.pem}
YAML
echo "made ca.pem, cert.pem, key.pem and dask.yaml in $PWD"
