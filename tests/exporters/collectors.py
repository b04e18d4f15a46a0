"""OpenTelemetry collectors of the protocol's own server classes, by gRPC and by HTTP."""

from __future__ import annotations

import gzip
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import (
    OTLPMetricExporter as GrpcExporter,
)
from opentelemetry.exporter.otlp.proto.http.metric_exporter import (
    OTLPMetricExporter as HttpExporter,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import (
    MetricsServiceServicer,
    add_MetricsServiceServicer_to_server,
)


class Collector:
    """What a collector took: `requests`, decoded; and its metrics by name, of the last one."""

    def __init__(self):
        self.requests = []
        self.port = 0

    @property
    def metrics(self):
        """The last request's metrics by name."""
        return {
            metric.name: metric
            for resource in self.requests[-1].resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


class GrpcCollector(Collector, MetricsServiceServicer):
    """Serves the metrics service of OTLP on a gRPC server; `with` starts and stops it."""

    def Export(self, request, _context):  # noqa: N802 - the service's name
        """Take the metrics."""
        self.requests.append(request)
        return ExportMetricsServiceResponse()

    def __enter__(self):
        """Listen, on the same port as before."""
        self._server = grpc.server(ThreadPoolExecutor(2))
        add_MetricsServiceServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        self._server.start()
        return self

    def __exit__(self, *_):
        """Go away at once."""
        self._server.stop(None).wait()

    def exporter(self):
        """Give an exporter to this collector."""
        return GrpcExporter(endpoint=f"http://127.0.0.1:{self.port}", insecure=True, timeout=1)


class HttpCollector(Collector):
    """Serves OTLP over HTTP; `with` starts and stops it."""

    def __enter__(self):
        """Listen, on the same port as before."""
        requests = self.requests

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                assert self.path == "/v1/metrics"
                requests.append(ExportMetricsServiceRequest.FromString(body))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.end_headers()
                self.wfile.write(ExportMetricsServiceResponse().SerializeToString())

            def log_message(self, *_):
                """Be quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_):
        """Go away at once."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def exporter(self):
        """Give an exporter to this collector."""
        return HttpExporter(endpoint=f"http://127.0.0.1:{self.port}/v1/metrics", timeout=1)


class KeepAliveCollector:
    """Serves OTLP over HTTP on connections that stay open; `with` starts and stops it.

    Attributes:
        taken: of each export the client's port and the `service.instance.id`.
    """

    def __enter__(self):
        """Listen."""
        self.taken = taken = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                (resource_metrics,) = ExportMetricsServiceRequest.FromString(body).resource_metrics
                instance = attributes_of(resource_metrics.resource)["service.instance.id"]
                taken.append((self.client_address[1], instance))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                """Be quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_):
        """Take no more connections."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def exporter(self):
        """Give an exporter to this collector."""
        return HttpExporter(
            endpoint=f"http://127.0.0.1:{self._server.server_port}/v1/metrics", timeout=5
        )


def attributes_of(holder):
    """Give the attributes of a point or a resource as a plain dict."""
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in holder.attributes}
