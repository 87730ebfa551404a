{
  "targets": [
    {
      "target_name": "kernel_copy",
      "sources": ["src/addon.c", "src/copier.c", "src/copy.c"],
      "defines": ["_GNU_SOURCE", "NAPI_VERSION=8"],
      "cflags": ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror=implicit-function-declaration", "-fvisibility=hidden"],
      "libraries": ["-pthread"]
    }
  ]
}
