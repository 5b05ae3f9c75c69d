# escape=`
# syntax=docker/dockerfile:1
FROM a
ENV A=`$x B=C:\dir
RUN one `
  two
COPY a C:\dir\
