#!/usr/bin/env bash
# Creates or updates everything of Backfill that lives outside the cluster: topics, service accounts and their roles,
# the Cloud Run function, its two push subscriptions, alerts. Safe to run again.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: PROJECT=… REGION=… INFERENCE_GATEWAY_URL=… infra/gcp/deploy.sh [--check | --help]

  PROJECT                 Google Cloud project                                          required
  REGION                  region of the cluster and the function                        required
  INFERENCE_GATEWAY_URL   base URL of the Inference Gateway inside the VPC              required
  NETWORK, SUBNET         VPC through which the function reaches the gateway            default
  NAME                    prefix of everything that is created                          backfill
  MAX_INSTANCES           of the function                                               20
  FUNCTION_ENV            more of the function's variables, one NAME=value a line;      none
                          they win over those that are set here;
                          docs/configuration.md lists them
  FUNCTION_SECRETS        files from Secret Manager, a comma list PATH=SECRET:VERSION,  none
                          each in a folder of its own; the function gets access
  NOTIFICATION_CHANNELS   whom alerts tell: a comma list of                             those that an
                          projects/PROJECT/notificationChannels/ID                      alert has already

--check says what is wrong with these and does nothing. Variables and secrets of the function that are not given
any more go; alerts are set to what infra/gcp/alerts says.
TEXT
}

faults=0
fault() {
  echo "$1" >&2
  faults=$((faults + 1))
}

case "$*" in
  --help)
    usage
    exit 0
    ;;
  '' | --check) ;;
  *) fault "no such arguments: $*" ;;
esac
NAME=${NAME:-backfill}
NETWORK=${NETWORK:-default}
SUBNET=${SUBNET:-default}
MAX_INSTANCES=${MAX_INSTANCES:-20}
cd "$(dirname "$0")/../.."

for required in PROJECT REGION INFERENCE_GATEWAY_URL; do
  [ -n "${!required:-}" ] || fault "$required is required"
done
url_pattern='^https?://[^[:space:]/?#@]+(/[^[:space:]?#]*)?$'
[[ -z "${INFERENCE_GATEWAY_URL:-}" || $INFERENCE_GATEWAY_URL =~ $url_pattern ]] ||
  fault "INFERENCE_GATEWAY_URL must be a base URL like http://10.0.0.8, without user, query or fragment, not $INFERENCE_GATEWAY_URL"
[[ $MAX_INSTANCES =~ ^[1-9][0-9]*$ ]] || fault "MAX_INSTANCES must be a whole number of at least 1, not $MAX_INSTANCES"
while IFS= read -r line; do
  [[ -z $line || $line =~ ^[A-Za-z_][A-Za-z0-9_]*= ]] || fault "FUNCTION_ENV must have NAME=value on each line, not $line"
done <<<"${FUNCTION_ENV:-}"
IFS=, read -ra secrets <<<"${FUNCTION_SECRETS:-}"
for secret in ${secrets[@]+"${secrets[@]}"}; do
  [[ $secret =~ ^/[^=:]+=[A-Za-z0-9_-]+:[a-z0-9-]+$ ]] || fault "FUNCTION_SECRETS must be a comma list PATH=SECRET:VERSION, not $secret"
done
[[ "$*" == --check || -f dist/function/main.mjs ]] || fault "dist/function is not there: npm run build writes it"
# Older versions of gcloud have the alerts among their alpha commands alone.
if gcloud monitoring policies --help >/dev/null 2>&1 </dev/null; then
  policies=(gcloud monitoring policies)
elif gcloud alpha monitoring policies --help >/dev/null 2>&1 </dev/null; then
  policies=(gcloud alpha monitoring policies)
else
  fault "gcloud is missing or too old for 'gcloud monitoring policies': gcloud components update, or install its alpha component"
fi
if [ "$faults" -gt 0 ]; then
  echo "Nothing was changed. infra/gcp/deploy.sh --help lists the variables." >&2
  exit 2
fi
[ "$*" != --check ] || exit 0

runner="$NAME-function@$PROJECT.iam.gserviceaccount.com"
pusher="$NAME-push@$PROJECT.iam.gserviceaccount.com"

exists() { "$@" --project "$PROJECT" >/dev/null 2>&1; }

# NAME=value lines as YAML; of two for one name the last counts.
env_file=$(mktemp)
trap 'rm -f "$env_file"' EXIT
printf '%s\n' "INFERENCE_GATEWAY_URL=$INFERENCE_GATEWAY_URL" "GOOGLE_CLOUD_PROJECT=$PROJECT" "RESULT_TOPIC=$NAME-results" \
  "RETRY_TOPIC=$NAME-retries" "DEAD_LETTER_TOPIC=$NAME-dead-letters" "NODE_COMPILE_CACHE=/workspace/compile-cache" "${FUNCTION_ENV:-}" |
  awk -v quote="'" '
    /=/ {
      name = substr($0, 1, index($0, "=") - 1)
      value = substr($0, index($0, "=") + 1)
      gsub(quote, quote quote, value)
      if (!(name in values)) names[++count] = name
      values[name] = value
    }
    END { for (at = 1; at <= count; at++) print names[at] ": " quote values[names[at]] quote }' >"$env_file"

for account in function push; do
  exists gcloud iam service-accounts describe "$NAME-$account@$PROJECT.iam.gserviceaccount.com" ||
    gcloud iam service-accounts create "$NAME-$account" --project "$PROJECT"
done
for role in roles/pubsub.publisher roles/monitoring.viewer; do
  gcloud projects add-iam-policy-binding "$PROJECT" --member "serviceAccount:$runner" --role "$role" --condition None --quiet >/dev/null
done
mounts=(--clear-secrets)
for secret in ${secrets[@]+"${secrets[@]}"}; do
  mounts=(--set-secrets "$FUNCTION_SECRETS")
  id=${secret#*=}
  gcloud secrets add-iam-policy-binding "${id%:*}" --project "$PROJECT" --member "serviceAccount:$runner" \
    --role roles/secretmanager.secretAccessor --quiet >/dev/null
done

for topic in requests retries results dead-letters; do
  exists gcloud pubsub topics describe "$NAME-$topic" || gcloud pubsub topics create "$NAME-$topic" --project "$PROJECT"
done
# Results and dead letters wait here for their readers; without a subscription a topic keeps nothing.
for topic in results dead-letters; do
  exists gcloud pubsub subscriptions describe "$NAME-$topic" ||
    gcloud pubsub subscriptions create "$NAME-$topic" --project "$PROJECT" --topic "$NAME-$topic" \
      --message-retention-duration 7d --expiration-period never
done

# 600 s is the longest ack deadline of a push subscription, and so the request timeout. A call holds little but a socket,
# so one instance takes many; each message waiting or being served is one request. With large messages they hold more than
# 1 GiB. The build compiles the bundle into compile-cache.
gcloud run deploy "$NAME-function" --project "$PROJECT" --region "$REGION" --source dist/function --quiet \
  --no-allow-unauthenticated --ingress internal --service-account "$runner" \
  --network "$NETWORK" --subnet "$SUBNET" --vpc-egress private-ranges-only \
  --timeout 600 --concurrency 200 --max-instances "$MAX_INSTANCES" --cpu 1 --memory 2Gi --cpu-boost \
  --env-vars-file "$env_file" "${mounts[@]}"
url=$(gcloud run services describe "$NAME-function" --project "$PROJECT" --region "$REGION" --format 'value(status.url)')
gcloud run services add-iam-policy-binding "$NAME-function" --project "$PROJECT" --region "$REGION" \
  --member "serviceAccount:$pusher" --role roles/run.invoker --quiet >/dev/null

# No native dead-letter policy: each nack for want of capacity would count against the message. A deadline may be 31 days
# away, which is as long as Pub/Sub keeps a message.
for topic in requests retries; do
  push=(--push-endpoint "$url" --push-auth-service-account "$pusher" --ack-deadline 600
    --message-retention-duration 31d --min-retry-delay 1s --max-retry-delay 60s)
  if exists gcloud pubsub subscriptions describe "$NAME-$topic"; then
    gcloud pubsub subscriptions update "$NAME-$topic" --project "$PROJECT" "${push[@]}"
  else
    gcloud pubsub subscriptions create "$NAME-$topic" --project "$PROJECT" --topic "$NAME-$topic" --expiration-period never "${push[@]}"
  fi
done

for file in infra/gcp/alerts/*.json; do
  title=$(sed -n 's/^  "displayName": "\(.*\)",$/\1/p' "$file")
  policy=$("${policies[@]}" list --project "$PROJECT" --filter "displayName=\"$title\"" --limit 1 --format 'value(name)')
  # The file replaces the alert, channels included: those that it has are given again.
  channels=${NOTIFICATION_CHANNELS:-}
  if [ -n "$policy" ]; then
    [ -n "$channels" ] || channels=$("${policies[@]}" describe "$policy" --project "$PROJECT" --format 'value(notificationChannels.list())')
    "${policies[@]}" update "$policy" --project "$PROJECT" --policy-from-file "$file" ${channels:+--set-notification-channels "$channels"}
  else
    "${policies[@]}" create --project "$PROJECT" --policy-from-file "$file" ${channels:+--notification-channels "$channels"}
  fi
done
echo "Publish requests to projects/$PROJECT/topics/$NAME-requests, read results from projects/$PROJECT/subscriptions/$NAME-results."
