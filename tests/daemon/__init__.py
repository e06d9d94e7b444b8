"""The real MultiLangDaemon with the real children: flow, drain, deaths, outages, refusals."""
