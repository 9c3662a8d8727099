# One image for web, gateway, worker and scheduler; docker-compose.yml says which runs where.
FROM python:3.12-slim AS build
WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY platform platform
COPY tasks_app tasks_app
COPY benchmarks_app benchmarks_app
COPY leaderboards_app leaderboards_app
COPY templates templates
COPY static static
COPY docs docs
COPY manage.py ./
# Optional packages: `s3` for exchanges in an object storage (docs/operators/scaling.md).
ARG EXTRAS=
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir -c constraints.txt -e ".${EXTRAS:+[$EXTRAS]}"

FROM python:3.12-slim
RUN useradd --create-home --uid 10001 plumbmark && mkdir /state && chown plumbmark /state
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
USER plumbmark
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app/platform:/app PLUMBMARK_STATE_DIR=/state PYTHONUNBUFFERED=1
VOLUME /state
EXPOSE 8000 8001
