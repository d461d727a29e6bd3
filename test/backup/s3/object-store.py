"""
OpenStack Swift with its S3 interface, in one process, for tests (Debian: swift-proxy swift-account swift-container swift-object).
It checks every signature and every body's digest. Usage: object-store.py FOLDER ACCESS_KEY SECRET_KEY; prints the port when it serves.
"""
import os
import sys

import eventlet
import eventlet.patcher

eventlet.patcher.monkey_patch()

from eventlet import wsgi
from eventlet.green import socket
from eventlet.hubs import trampoline
from swift.common import utils
from swift.common.ring import RingBuilder

folder, access_key, secret_key = sys.argv[1:4]
tenant, user = access_key.split(':')


def write(name, text):
    with open(os.path.join(folder, name), 'w') as file:
        file.write(text)


def listen():
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(('127.0.0.1', 0))
    listener.listen(128)
    return listener


write('swift.conf', '[swift-hash]\nswift_hash_path_suffix = test\n[storage-policy:0]\nname = one\ndefault = yes\n')
write('proxy.conf', f'''
[DEFAULT]
swift_dir = {folder}
[pipeline:main]
pipeline = catch_errors gatekeeper listing_formats s3api tempauth bulk slo dlo proxy-server
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:bulk]
use = egg:swift#bulk
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:tempauth]
use = egg:swift#tempauth
user_{tenant}_{user} = {secret_key} .admin
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
''')

utils.set_swift_dir(folder)
from swift.common import storage_policy

storage_policy.reload_storage_policies()
utils.validate_hash_conf()

from paste.deploy import loadapp
from swift.account.server import AccountController
from swift.container.server import ContainerController
from swift.obj.server import ObjectController

devices = os.path.join(folder, 'devices')
os.makedirs(os.path.join(devices, 'disk'))
conf = {'devices': devices, 'mount_check': 'false', 'swift_dir': folder, 'fallocate_reserve': '0', 'recon_cache_path': folder}
logger = utils.get_logger({'log_facility': 'LOG_LOCAL0'}, 'swift')
quiet = utils.NullLogger() if hasattr(utils, 'NullLogger') else open(os.devnull, 'w')


def serve(listener, app):
    eventlet.spawn(wsgi.server, listener, app, quiet, debug=False, log_output=False)


for kind, controller in (('account', AccountController), ('container', ContainerController), ('object', ObjectController)):
    listener = listen()
    port = listener.getsockname()[1]
    builder = RingBuilder(2, 1, 0)
    builder.add_dev({'region': 1, 'zone': 1, 'ip': '127.0.0.1', 'port': port, 'device': 'disk', 'weight': 1})
    builder.rebalance()
    builder.get_ring().save(os.path.join(folder, f'{kind}.ring.gz'))
    serve(listener, controller(conf))



class Memory:
    """What memcached is to a cluster: Swift keeps what it knows of accounts and buckets there, no credentials."""

    def __init__(self):
        self.kept = {}

    def get(self, key, **_):
        return self.kept.get(key)

    def set(self, key, value, **_):
        self.kept[key] = value

    def delete(self, key, **_):
        self.kept.pop(key, None)

    def incr(self, key, delta=1, **_):
        self.kept[key] = max(0, self.kept.get(key, 0) + delta)
        return self.kept[key]


memory = Memory()
proxy = loadapp(f'config:{folder}/proxy.conf')


def with_memory(env, start_response):
    env['swift.cache'] = memory
    return proxy(env, start_response)


public = listen()
serve(public, with_memory)
print(public.getsockname()[1], flush=True)
# Ends with whoever started it.
trampoline(sys.stdin.fileno(), read=True)
