{{- define "sluice.name" -}}
{{- $name := ternary .Chart.Name (printf "%s-%s" .Release.Name .Chart.Name) (eq .Release.Name .Chart.Name) }}
{{- $name | trunc 54 | trimSuffix "-" }}
{{- end }}

{{- define "sluice.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "sluice.labels" -}}
{{ include "sluice.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- /* gateway.yaml: what the chart decides over what the values say */ -}}
{{- define "sluice.config" -}}
{{- $state := dict "driver" .Values.state.driver "directory" "/var/lib/sluice/data" }}
{{- if eq .Values.state.driver "valkey" }}
{{- $_ := set $state "url" .Values.state.url }}
{{- $_ := set $state "onUnavailable" .Values.state.onUnavailable }}
{{- with .Values.state.username }}{{ $_ := set $state "username" . }}{{ end }}
{{- if .Values.state.passwordSecret.name }}{{ $_ := set $state "password" "env:VALKEY_PASSWORD" }}{{ end }}
{{- $state = merge $state .Values.state.settings }}
{{- end }}
{{- $server := dict "host" "0.0.0.0" "port" 8080 "publicUrl" .Values.publicUrl "trustedProxies" .Values.trustedProxies "drainSeconds" .Values.drainSeconds }}
{{- $admin := dict "host" "0.0.0.0" "port" 8081 "tokens" "/etc/sluice/keys/admin-tokens.json" }}
{{- $keys := dict "directory" "/etc/sluice/keys" }}
{{- $records := dict "access" "stdout" "audit" "/var/lib/sluice/data/audit.jsonl" }}
{{- $ours := dict "server" $server "admin" $admin "state" $state "keys" $keys "policies" "/etc/sluice/policies" "records" $records }}
{{- toYaml (merge $ours .Values.config) }}
{{- end }}
