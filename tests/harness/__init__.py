"""What the tests of the whole binary share: processes, the gate under test, toy upstreams, a small MCP client, the real clients."""
