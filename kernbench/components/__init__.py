"""The hardware, one file per piece. `KINDS` maps the kind strings of a topology to classes; nothing is imported here."""

KINDS = {
    "fabric_port": "kernbench.components.fabric_port:FabricPort",
    "hbm_ctrl": "kernbench.components.hbm_ctrl:HbmCtrl",
    "host": "kernbench.components.host:Host",
    "io_cpu": "kernbench.components.io_cpu:IoCpu",
    "ipcq": "kernbench.components.ipcq:Ipcq",
    "m_cpu": "kernbench.components.m_cpu:MCpu",
    "pcie_ep": "kernbench.components.pcie_ep:PcieEp",
    "pe_cpu": "kernbench.components.pe_cpu:PeCpu",
    "pe_dma": "kernbench.components.pe_dma:PeDma",
    "pe_gemm": "kernbench.components.pe_gemm:PeGemm",
    "pe_math": "kernbench.components.pe_math:PeMath",
    "pe_scheduler": "kernbench.components.pe_scheduler:PeScheduler",
    "pe_tcm": "kernbench.components.pe_tcm:PeTcm",
    "router": "kernbench.components.router:Router",
    "ucie": "kernbench.components.ucie:Ucie",
    "xbar": "kernbench.components.xbar:Xbar",
}
