{
  'variables': { 'weir_version%': 'dev', 'weir_sanitize%': '' },
  'targets': [
    {
      'target_name': 'engine',
      'sources': [
        'accept.cc', 'address.cc', 'connection.cc', 'descriptors.cc', 'engine.cc', 'heap_guard.cc', 'host.cc', 'linger.cc',
        'listeners.cc', 'memory.cc', 'module.cc', 'module_engine.cc', 'module_host.cc', 'ops.cc', 'output.cc', 'pulse.cc', 'registry.cc', 'relay.cc', 'send.cc', 'table.cc', 'tick.cc', 'watcher.cc',
      ],
      'defines': ['NAPI_VERSION=9', 'WEIR_VERSION="<(weir_version)"'],
      'cflags': ['-O2', '-Wall', '-Wextra', '-fvisibility=hidden'],
      'cflags!': ['-O3', '-Wno-unused-parameter'],
      'cflags_cc!': ['-std=gnu++17', '-std=gnu++20'],
      'cflags_cc': ['-std=c++20', '-fno-exceptions', '-fno-rtti', '-fvisibility=hidden'],
      # The connection table must outlive the worker that loaded the addon first: Node closes a dead worker's addons.
      'ldflags': ['-Wl,-z,nodelete'],
      'conditions': [
        ['weir_sanitize!=""', {
          'cflags': ['-g', '-O1', '-fno-omit-frame-pointer', '-fsanitize=<(weir_sanitize)', '-fno-sanitize-recover=all'],
          'cflags!': ['-O2'],
          'ldflags': ['-fsanitize=<(weir_sanitize)'],
        }],
      ],
    },
  ],
}
