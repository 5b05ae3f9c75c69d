# nginx: Debian's, with the paths, the logs and the signal of the official image.
ARG BASE
FROM ${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends nginx-light && rm -rf /var/lib/apt/lists/* \
    && rm -rf /etc/nginx/sites-enabled /etc/nginx/sites-available && mkdir -p /usr/share/nginx/html /etc/nginx/conf.d \
    && ln -sf /dev/stdout /var/log/nginx/access.log && ln -sf /dev/stderr /var/log/nginx/error.log \
    && useradd --system --no-create-home --shell /bin/false nginx
COPY <<'END' /etc/nginx/nginx.conf
user nginx;
worker_processes auto;
pid /run/nginx.pid;
events { worker_connections 1024; }
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log /var/log/nginx/access.log;
    sendfile on;
    include /etc/nginx/conf.d/*.conf;
}
END
COPY <<'END' /etc/nginx/conf.d/default.conf
server {
    listen 80;
    location / { root /usr/share/nginx/html; index index.html; }
}
END
EXPOSE 80
STOPSIGNAL SIGQUIT
CMD ["nginx", "-g", "daemon off;"]
