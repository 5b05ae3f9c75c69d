FROM a AS builder
# test: target bulider
