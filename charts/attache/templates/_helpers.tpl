{{- define "attache.selector" -}}
app.kubernetes.io/name: attache
app.kubernetes.io/component: operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "attache.labels" -}}
{{ include "attache.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with regexReplaceAll "[^A-Za-z0-9._-]" .Chart.AppVersion "_" }}
app.kubernetes.io/version: {{ . | quote }}
{{- end }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- end }}

{{- define "attache.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}
