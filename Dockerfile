# One static binary and the certificates it needs to reach mail servers and identity providers.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o /out/cohort . && mkdir /out/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/cohort /cohort
# Where mails and exports are written: a relative data/, as outside the container.
COPY --from=build --chown=65532:65532 /out/data /data
WORKDIR /
USER 65532:65532
ENV COHORT_LISTEN=0.0.0.0:8080
EXPOSE 8080
ENTRYPOINT ["/cohort"]
