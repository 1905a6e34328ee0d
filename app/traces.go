package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"cohort/graph"
	"cohort/store"
)

// OpenTelemetry's variables that decide whether there are traces. All others of its, such as those for headers,
// sampling and the service's name, are read by its library.
const (
	tracesEndpoint  = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	commonEndpoint  = "OTEL_EXPORTER_OTLP_ENDPOINT"
	tracesProtocol  = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
	commonProtocol  = "OTEL_EXPORTER_OTLP_PROTOCOL"
	tracesExporter  = "OTEL_TRACES_EXPORTER"
	tracingDisabled = "OTEL_SDK_DISABLED"

	flushWithin = 5 * time.Second
)

// traces send a span for each request, for its operation and for its work on the database. Their names and
// attributes are ours: nothing in them comes from a client but the trace that it has begun. Nil does nothing.
type traces struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	from     propagation.TraceContext
}

// newTraces returns nil where no endpoint is set.
func newTraces(ctx context.Context, getenv func(string) string, log *slog.Logger) (*traces, error) {
	name, endpoint := tracesEndpoint, getenv(tracesEndpoint)
	if endpoint == "" {
		name, endpoint = commonEndpoint, getenv(commonEndpoint)
	}
	if endpoint == "" || strings.EqualFold(getenv(tracingDisabled), "true") || getenv(tracesExporter) == "none" {
		return nil, nil //nolint:nilnil // no traces
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%s must be the URL of a receiver of OTLP over HTTP, such as http://127.0.0.1:4318", name)
	}
	if name == commonEndpoint {
		u = u.JoinPath("v1/traces")
	}
	for _, variable := range []string{tracesProtocol, commonProtocol} {
		if protocol := getenv(variable); protocol != "" && protocol != "http/protobuf" {
			return nil, fmt.Errorf("%s is %q, and only http/protobuf is supported", variable, protocol)
		}
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(u.String()))
	if err != nil {
		return nil, fmt.Errorf("prepare traces: %w", err)
	}
	// Those of the environment come last and win.
	about, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", "cohort"), attribute.String("service.version", version())), resource.WithFromEnv())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("prepare traces: %w", err), exporter.Shutdown(ctx))
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(loggedExporter{exporter, log}), sdktrace.WithResource(about))
	return &traces{provider: provider, tracer: provider.Tracer("cohort")}, nil
}

// loggedExporter tells the log of traces that could not be sent, rather than OpenTelemetry's one handler for the
// whole process.
type loggedExporter struct {
	sdktrace.SpanExporter
	log *slog.Logger
}

func (e loggedExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	if err := e.SpanExporter.ExportSpans(ctx, spans); err != nil {
		e.log.WarnContext(ctx, "traces were not sent", "spans", len(spans), "error", err)
	}
	return nil
}

// flush sends what has not been sent.
func (t *traces) flush(log *slog.Logger) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushWithin)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		log.Warn("the last traces were not sent", "error", err)
	}
}

// requests begins the span of a request, in the trace of the client if it has begun one.
func (t *traces) requests(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := t.from.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := t.tracer.Start(ctx, "request", trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// id is the id of the request's trace, for the log.
func (t *traces) id(ctx context.Context) []slog.Attr {
	if t == nil {
		return nil
	}
	return []slog.Attr{slog.String("traceId", trace.SpanContextFromContext(ctx).TraceID().String())}
}

var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

// answered completes the span of a request.
func (t *traces) answered(r *http.Request, route string, status int) {
	if t == nil {
		return
	}
	method := r.Method
	if !slices.Contains(methods, method) {
		method = "_OTHER"
	}
	span := trace.SpanFromContext(r.Context())
	span.SetName(method + " " + route)
	span.SetAttributes(attribute.String("http.request.method", method), attribute.String("http.route", route),
		attribute.Int("http.response.status_code", status))
	if status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, "")
	}
}

// begin begins the span of an operation.
func (t *traces) begin(ctx context.Context, o graph.Operation) context.Context {
	if t == nil {
		return ctx
	}
	ctx, _ = t.tracer.Start(ctx, o.Kind()+" "+o.Field(), trace.WithAttributes(
		attribute.String("graphql.operation.type", o.Kind()), attribute.StringSlice("cohort.root_fields", o.Fields())))
	return ctx
}

// end ends it; one that was refused before it was known has no span of its own.
func (t *traces) end(ctx context.Context, o graph.Operation, code string) {
	if t == nil {
		return
	}
	span := trace.SpanFromContext(ctx)
	span.SetAttributes(attribute.String("cohort.outcome", code))
	if o.Known() {
		if code != graph.CodeOK {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// work is the span of what the store has done for a request. Its error stays out: it may hold values.
func (t *traces) work(ctx context.Context, work store.Work, begin time.Time, err error) {
	if t == nil || !trace.SpanFromContext(ctx).IsRecording() {
		return
	}
	_, span := t.tracer.Start(ctx, "database "+string(work), trace.WithTimestamp(begin), trace.WithSpanKind(trace.SpanKindClient))
	if err != nil {
		span.SetStatus(codes.Error, "")
	}
	span.End()
}
