# python: where the official image has it, /usr/local/bin; pip may write there.
ARG BASE
FROM ${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends python3 python3-pip python3-venv \
    && rm -rf /var/lib/apt/lists/* /usr/lib/python3*/EXTERNALLY-MANAGED \
    && for name in python python3; do ln -s /usr/bin/python3 /usr/local/bin/$name; done
ENV LANG=C.UTF-8
CMD ["python3"]
